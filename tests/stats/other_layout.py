"""Another layout of the file, as a hospital would write it."""


def header() -> str:
    return "finess,code\r\n"


def line_of(figure, facts) -> str:
    return f"{figure.key.finess},{figure.indicator.code}\r\n"
