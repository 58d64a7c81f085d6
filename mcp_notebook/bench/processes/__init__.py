"""The processes that a probe sets up around a server: subjects, workers, strangers, proxies."""
