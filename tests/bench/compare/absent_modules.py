# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets a library be imported that names classes of a package which the benchmark does not use."""

import importlib.abc
import importlib.machinery
import sys
import types


class _Anything(type):
    """A class that has any attribute, another such class."""

    def __getattr__(cls, name):
        return _made(name)


def _made(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return _Anything(name, (), {"__init__": lambda self, *given, **named: None})


class _Pretended(types.ModuleType):
    __path__ = []

    def __getattr__(self, name):
        made = _made(name)
        setattr(self, name, made)
        return made


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def __init__(self, package):
        self._package = package

    def find_spec(self, name, path, target=None):
        if name == self._package or name.startswith(self._package + "."):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return _Pretended(spec.name)

    def exec_module(self, module):
        pass


def pretend(package):
    """Any module of `package` can be imported from here on, and has any class that is asked for."""
    if package not in sys.modules:
        sys.meta_path.append(_Finder(package))
