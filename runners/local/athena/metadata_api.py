"""What Athena's own API says of databases and tables: read from the Glue catalog, which moto's answers do not know."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from moto.core.exceptions import ServiceException

from runners.local.athena.catalog import Catalog
from runners.local.athena.sql.translation import QueryError
from runners.local.athena.work_groups import page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runners.local.athena.catalog import Table

MAX_OF_ONE_PAGE = 50


class MetadataException(ServiceException):
    """What the catalog has not."""

    code = "MetadataException"


def answers(client: Callable[[str, str], Any]) -> dict[str, Callable[[Any, Mapping[str, Any]], Mapping[str, Any]]]:
    """Answer the operations, by the names that moto's responses have for them."""

    def catalog_of(response: Any) -> Catalog:
        return Catalog(client("glue", response.athena_backend.region_name))

    def answering(ask: Callable[[Catalog, Mapping[str, Any]], dict[str, Any]]) -> Any:
        def answer(response: Any, asked: Mapping[str, Any]) -> dict[str, Any]:
            try:
                return ask(catalog_of(response), asked)
            except QueryError as error:
                raise MetadataException(error.message) from error

        return answer

    return {
        "get_database": answering(_get_database),
        "list_databases": answering(_list_databases),
        "get_table_metadata": answering(_get_table),
        "list_table_metadata": answering(_list_tables),
    }


def _get_database(catalog: Catalog, asked: Mapping[str, Any]) -> dict[str, Any]:
    return {"Database": _database(catalog.require_database(asked["DatabaseName"].lower()))}


def _list_databases(catalog: Catalog, asked: Mapping[str, Any]) -> dict[str, Any]:
    databases = [_database(catalog.require_database(name)) for name in catalog.databases()]
    return page(databases, "DatabaseList", asked, MAX_OF_ONE_PAGE)


def _database(described: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Name": described["Name"],
        "Description": described.get("Description", ""),
        "Parameters": described.get("Parameters") or {},
    }


def _get_table(catalog: Catalog, asked: Mapping[str, Any]) -> dict[str, Any]:
    return {"TableMetadata": _table(catalog.table(asked["DatabaseName"].lower(), asked["TableName"].lower()))}


def _list_tables(catalog: Catalog, asked: Mapping[str, Any]) -> dict[str, Any]:
    tables = catalog.tables(asked["DatabaseName"].lower())
    wanted = asked.get("Expression")
    if wanted:
        tables = [table for table in tables if re.fullmatch(wanted.replace("*", ".*"), table.name)]
    return page([_table(table) for table in tables], "TableMetadataList", asked, MAX_OF_ONE_PAGE)


def _table(table: Table) -> dict[str, Any]:
    return {
        "Name": table.name,
        "TableType": "VIRTUAL_VIEW" if table.view else "EXTERNAL_TABLE",
        "Columns": [_column(column) for column in table.columns],
        "PartitionKeys": [_column(column) for column in table.partition_columns],
        "Parameters": {
            "location": table.location,
            "inputformat": table.storage.input_format,
            "outputformat": table.storage.output_format,
            "serde.serialization.lib": table.storage.serde,
            **table.properties,
        },
    }


def _column(column: Any) -> dict[str, str]:
    described = {"Name": column.name, "Type": column.type}
    return {**described, "Comment": column.comment} if column.comment is not None else described
