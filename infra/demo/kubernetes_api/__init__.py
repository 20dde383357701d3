from infra.demo.kubernetes_api.server import ApiServer

__all__ = ["ApiServer"]
