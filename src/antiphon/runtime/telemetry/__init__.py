"""What is told of a server to those who run it: metrics, traces, lines of the log."""
