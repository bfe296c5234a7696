"""MCP servers whose tools the model may use: listed, offered, approved, called."""
