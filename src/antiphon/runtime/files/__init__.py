"""Work without a session: files of speech in and out."""
