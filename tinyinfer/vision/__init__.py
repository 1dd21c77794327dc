"""Pictures, and how they become inputs."""
