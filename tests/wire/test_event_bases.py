from antiphon.wire.event_bases import ClientEventBase, ItemEventBase, ResponseEventBase
from antiphon.wire.server_events import InputAudioBufferSpeechStarted, OutputAudioBufferStarted


def test_fields_of_a_base_come_first_on_the_wire() -> None:
    assert ItemEventBase.__struct_fields__ == ("event_id", "item_id")
    assert ResponseEventBase.__struct_fields__ == ("event_id", "response_id")
    assert OutputAudioBufferStarted.__struct_fields__ == ("event_id", "response_id")
    assert InputAudioBufferSpeechStarted.__struct_fields__ == (
        "event_id",
        "audio_start_ms",
        "item_id",
    )


def test_only_clients_may_leave_the_event_id_out() -> None:
    assert ClientEventBase.__struct_defaults__ != ()
    assert ItemEventBase.__struct_defaults__ == ()
