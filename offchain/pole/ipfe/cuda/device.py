"""The first NVIDIA GPU of this machine, as its driver describes it."""

import ctypes
from dataclasses import dataclass

from pole.errors import InputError

DRIVER = "libcuda.so.1"
# CUdevice_attribute of cuda.h.
MAJOR, MINOR = 75, 76


@dataclass(frozen=True, slots=True)
class Device:
    """A GPU: its name, and the architecture that nvcc compiles for, such as "sm_90"."""

    name: str
    architecture: str


def find() -> Device:
    """Return the device that CUDA counts first; raises InputError that says what is missing."""
    try:
        driver = ctypes.CDLL(DRIVER)
    except OSError as error:
        raise InputError(f"There is no NVIDIA driver ({DRIVER}) on this machine; install it.") from error
    count, device = ctypes.c_int(), ctypes.c_int()
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0 or count.value < 1:
        raise InputError("The NVIDIA driver finds no GPU; check `nvidia-smi` and CUDA_VISIBLE_DEVICES.")
    name, major, minor = ctypes.create_string_buffer(256), ctypes.c_int(), ctypes.c_int()
    answers = [
        driver.cuDeviceGet(ctypes.byref(device), 0),
        driver.cuDeviceGetName(name, len(name), device),
        driver.cuDeviceGetAttribute(ctypes.byref(major), MAJOR, device),
        driver.cuDeviceGetAttribute(ctypes.byref(minor), MINOR, device),
    ]
    if any(answers):
        raise InputError("The NVIDIA driver does not describe its GPU; check `nvidia-smi`.")
    return Device(name.value.decode(errors="replace"), f"sm_{major.value}{minor.value}")
