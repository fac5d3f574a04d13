"""Write the generated pages of docs/."""

from tests.documents.pages import PAGES, ROOT


def main() -> None:
    for name, page in PAGES.items():
        (ROOT / name).write_text(page(), encoding="utf-8")
        print(name)


if __name__ == "__main__":
    main()
