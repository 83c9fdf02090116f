"""The DMP (Mon espace santé): feeding by the PFI, consultation by the DPI."""
