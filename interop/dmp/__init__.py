"""Messages of the DMP that are not XDS: existence of a DMP (TD0.2), authorisation to consult it (TD0.3)."""
