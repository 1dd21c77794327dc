"""From the bytes of a TFLite file to plain values; nothing is believed before it is checked."""
