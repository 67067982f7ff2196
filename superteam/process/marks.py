"""How a process is known to belong to a program, whoever its parent is."""

MARK = "SUPERTEAM_PROCESS_ID"
