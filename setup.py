import os
import re

from setuptools import find_packages, setup

HERE = os.path.dirname(os.path.abspath(__file__))


def read(*path):
    with open(os.path.join(HERE, *path), encoding="utf-8") as text:
        return text.read()


setup(
    name="legacy_spiky",
    version=re.search('__version__ = "(.*)"', read("legacy_spiky", "__init__.py")).group(1),
    description="TensorFlow activations, and ops with a gradient of their own, in plain Python",
    long_description=read("README.md"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    packages=find_packages(include=["legacy_spiky*"]),
    package_data={"legacy_spiky": ["py.typed"]},
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
