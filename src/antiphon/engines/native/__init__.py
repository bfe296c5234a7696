"""What engines of native code have in common."""
