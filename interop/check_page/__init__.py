"""Checks of the page of `laion-fmri browse` in headless Chromium; `__main__` runs them."""
