from __future__ import annotations

from antiphon.config import TlsChoice, load_config


def test_paths_of_a_file_are_relative_to_it(tmp_path):
    file = tmp_path / "antiphon.toml"
    file.write_text('home = "home"\n[tls]\ncertificate = "a.pem"\nkey = "keys/a.key"\n')
    expected = TlsChoice(certificate=str(tmp_path / "a.pem"), key=str(tmp_path / "keys/a.key"))
    assert load_config(file).tls == expected


def test_a_variable_gives_both_files(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANTIPHON_HOME", str(tmp_path))
    monkeypatch.setenv("ANTIPHON_TLS", '{certificate = "a.pem", key = "a.key"}')
    assert load_config().tls == TlsChoice(certificate="a.pem", key="a.key")
