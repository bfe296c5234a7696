"""Gives the tests a server whose engines do what each test says."""

pytest_plugins = ["antiphon.testing.plugin"]
