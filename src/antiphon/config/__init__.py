"""What the operator decides: flags over environment over the configuration file over defaults."""

from antiphon.config.checks import InvalidSettingError
from antiphon.config.fields import CLIENT_SECRET_PREFIX, DEFAULT_INSTRUCTIONS, Config
from antiphon.config.keys import ApiKey, Limits, hash_line, new_key
from antiphon.config.loading import Loaded, file_to_read, load, load_config, load_shelf, told
from antiphon.config.models import ModelChoice, VoiceChoice
from antiphon.config.prices import Price
from antiphon.config.report import report
from antiphon.config.tls import TlsChoice
from antiphon.config.tracing import TracingChoice
from antiphon.config.unused import unused
from antiphon.config.upstream import UpstreamChoice
from antiphon.config.webrtc import IceServer, UdpPorts, WebRtcChoice
from antiphon.store.choices import StoreChoice

__all__ = [
    "CLIENT_SECRET_PREFIX",
    "DEFAULT_INSTRUCTIONS",
    "ApiKey",
    "Config",
    "IceServer",
    "InvalidSettingError",
    "Limits",
    "Loaded",
    "ModelChoice",
    "Price",
    "StoreChoice",
    "TlsChoice",
    "TracingChoice",
    "UdpPorts",
    "UpstreamChoice",
    "VoiceChoice",
    "WebRtcChoice",
    "file_to_read",
    "hash_line",
    "load",
    "load_config",
    "load_shelf",
    "new_key",
    "report",
    "told",
    "unused",
]
