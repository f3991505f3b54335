class VirtualMachineError(Exception):
    revert_msg: str | None
