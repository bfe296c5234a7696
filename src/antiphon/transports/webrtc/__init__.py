"""Calls over WebRTC: speech on a track each way, events on a data channel."""
