"""The protocol as behaviour, pure: what must happen, decided without I/O, clock or samples."""
