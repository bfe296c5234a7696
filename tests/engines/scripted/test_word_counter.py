from antiphon.core.plan import ChatMessage, ToolCall
from antiphon.engines.scripted.word_counter import WordCounter
from antiphon.wire.session import FunctionTool


def test_words_are_tokens():
    counter = WordCounter()
    assert counter.frame_tokens("Be very kind.", (FunctionTool(name="f"),)) == 4
    assert counter.message_tokens(ChatMessage("user", " two  words ")) == 2
    assert counter.message_tokens(ChatMessage("user", "")) == 0


def test_arguments_of_calls_are_counted():
    calls = (ToolCall("1", "f", '{"a": 1}'), ToolCall("2", "f", "{}"))
    assert WordCounter().message_tokens(ChatMessage("assistant", tool_calls=calls)) == 3
