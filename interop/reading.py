"""What nibabel reads from a file, in the form in which the suite compares it."""

import nibabel as nib
import numpy as np


def values(image):
    """The values of a loaded image as float32, in C order.

    Unscaled data is rounded to float32 once, which leaves float32 data as it is, bit for bit.
    Scaled data is `slope * stored + intercept` in float64, and then rounded to float32 once.
    """
    stored = image.dataobj
    # A slope of 0 or NaN arrives here as (1, 0): nibabel has already applied the rule
    # of the standard that such a file is not scaled.
    if (float(stored.slope), float(stored.inter)) == (1.0, 0.0):
        array = np.asarray(stored)
    else:
        array = np.asarray(image.get_fdata(dtype=np.float64))
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(array.astype(np.float32))


def load(path):
    """Opens an image without letting the arrays share memory with the file."""
    return nib.load(path, mmap=False)
