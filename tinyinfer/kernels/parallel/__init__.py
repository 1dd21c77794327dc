"""How kernels run on several threads: tasks, the team that shares them, their parts and their memory."""
