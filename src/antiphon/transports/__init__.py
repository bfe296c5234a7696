"""How clients connect: WebSocket."""
