"""What the operator decides: flags over environment over the configuration file over defaults."""

from antiphon.config.fields import CLIENT_SECRET_PREFIX, DEFAULT_INSTRUCTIONS, Config
from antiphon.config.keys import ApiKey, Limits, hash_line, new_key
from antiphon.config.loading import Loaded, load, load_config, load_shelf
from antiphon.config.models import ModelChoice, VoiceChoice
from antiphon.config.report import report
from antiphon.config.upstream import UpstreamChoice
from antiphon.config.webrtc import IceServer, UdpPorts, WebRtcChoice

__all__ = [
    "CLIENT_SECRET_PREFIX",
    "DEFAULT_INSTRUCTIONS",
    "ApiKey",
    "Config",
    "IceServer",
    "Limits",
    "Loaded",
    "ModelChoice",
    "UdpPorts",
    "UpstreamChoice",
    "VoiceChoice",
    "WebRtcChoice",
    "hash_line",
    "load",
    "load_config",
    "load_shelf",
    "new_key",
    "report",
]
