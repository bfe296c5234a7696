"""Sessions that another Realtime service holds."""
