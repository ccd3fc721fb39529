from handfast.runtime.database.migrate import run_env
from tests.integration.database.schema import metadata

run_env(metadata)
