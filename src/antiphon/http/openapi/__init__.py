"""The OpenAPI document of all pages: ``python -m antiphon.http.openapi FILE`` writes it.

Bodies, answers and parameters are described by the types that read and write them; which pages
there are is said by :mod:`~antiphon.http.openapi.operations`; a test compares it with the routes.
"""

from antiphon.http.openapi.document import document, openapi_page, written

__all__ = ["document", "openapi_page", "written"]
