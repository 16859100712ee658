import os
import re

from setuptools import find_packages, setup

HERE = os.path.dirname(os.path.abspath(__file__))


def read(*path):
    with open(os.path.join(HERE, *path), encoding="utf-8") as text:
        return text.read()


def without_links_into_the_checkout(page):
    """Returns a page that is read elsewhere: of what leads to its own files the words alone."""
    page = re.sub(r"^!\[[^]]*\]\((?!https?:)[^)]*\)\n+", "", page, flags=re.M)
    return re.sub(r"\[([^]]+)\]\((?!https?:)[^)]*\)", r"\1", page)


setup(
    name="legacy_spiky",
    version=re.search('__version__ = "(.*)"', read("legacy_spiky", "__init__.py")).group(1),
    description="TensorFlow activations, and ops with a gradient of their own, in plain Python",
    long_description=without_links_into_the_checkout(read("README.md")),
    long_description_content_type="text/markdown",
    author="legacy_spiky developers",
    license="Apache-2.0",
    keywords="tensorflow activation custom-gradient py_func gradient_override_map migration",
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Operating System :: MacOS",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3 :: Only",
    ]
    + ["Programming Language :: Python :: 3.%d" % minor for minor in range(6, 14)]
    + [
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Software Development :: Libraries :: Python Modules",
        "Typing :: Typed",
    ],
    packages=find_packages(include=["legacy_spiky*"]),
    package_data={"legacy_spiky": ["py.typed"]},
    entry_points={"console_scripts": ["legacy-spiky = legacy_spiky.__main__:main"]},
    python_requires=">=3.6",
    install_requires=["numpy"],
    # TensorFlow is an extra: beside an old tensorflow or tensorflow-gpu this disturbs nothing.
    extras_require={
        "tensorflow": ["tensorflow"],
        # There is no tensorflow-cpu for macOS, where tensorflow has no GPU anyway.
        "tensorflow-cpu": [
            "tensorflow-cpu; sys_platform != 'darwin'",
            "tensorflow; sys_platform == 'darwin'",
        ],
        "fast": ["numba"],
        "demo": ["scikit-learn"],
        "plot": ["matplotlib"],
        "verify": ["tqdm", "scikit-learn"],
        "docs": ["mkdocs<2", "mkdocs-material<10", "mkdocstrings-python<3", "ruff>=0.6"],
        "test": ["pytest", "hypothesis", "scikit-learn", "matplotlib", "tqdm"],
    },
)
