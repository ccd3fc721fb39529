"""The option that writes expected files anew."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write tests/codegen/golden/*/expected from what is generated",
    )


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether to write the expected files instead of comparing with them."""
    # Asked for in this way since the option is known only if pytest was started on this folder.
    return bool(request.config.getoption("--update-golden", default=False))
