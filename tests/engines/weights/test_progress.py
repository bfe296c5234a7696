import io

from antiphon.engines.weights.progress import PlainProgress, megabytes


def test_plain_progress_is_a_line_for_every_tenth():
    stream = io.StringIO()
    progress = PlainProgress(stream)
    progress.begin("model.gguf from example.org", 2_000_000)
    for done_bytes in (100_000, 250_000, 300_000, 1_000_000, 2_000_000):
        progress.reach(done_bytes)
    progress.end()
    progress.note("ready")
    assert stream.getvalue().splitlines() == [
        "model.gguf from example.org (2.0 MB)",
        "model.gguf from example.org: 10 %",
        "model.gguf from example.org: 50 %",
        "model.gguf from example.org: 100 %",
        "ready",
    ]


def test_an_unknown_size_is_no_error():
    stream = io.StringIO()
    progress = PlainProgress(stream)
    progress.begin("model.gguf", 0)
    progress.reach(0)
    assert stream.getvalue() == "model.gguf (0.0 MB)\n"


def test_sizes_read_as_people_write_them():
    assert megabytes(491_400_064) == "491.4 MB"
