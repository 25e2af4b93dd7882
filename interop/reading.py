"""What nibabel reads from a file, in the form in which the suite compares it."""

import nibabel as nib
import numpy as np


def values(image):
    """The values of a loaded image as float32, in C order.

    Unscaled float32 data is taken bit for bit. Everything else goes through float64
    (`slope * stored + intercept` there, too) and is rounded to float32 once.
    """
    stored = image.dataobj
    # A slope of 0 or NaN arrives here as (1, 0): nibabel has already applied the rule
    # of the standard that such a file is not scaled.
    unscaled = (float(stored.slope), float(stored.inter)) == (1.0, 0.0)
    if unscaled and image.get_data_dtype().newbyteorder("=") == np.float32:
        array = np.asarray(stored).astype(np.float32)
    else:
        with np.errstate(over="ignore"):
            array = np.asarray(image.get_fdata(dtype=np.float64)).astype(np.float32)
    return np.ascontiguousarray(array)


def load(path):
    """Opens an image without letting the arrays share memory with the file."""
    return nib.load(path, mmap=False)
