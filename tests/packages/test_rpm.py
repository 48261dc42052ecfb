"""The RPM spec: read, checked and built from, as far as Debian's rpm can without Fedora's packages."""

from conftest import TOP, only, run

# From systemd-rpm-macros, as far as the spec needs them to be built from.
MACROS = {
    "_journalcatalogdir": "/usr/lib/systemd/catalog",
    "_systemd_util_dir": "/usr/lib/systemd",
    "_sysusersdir": "/usr/lib/sysusers.d",
    "_tmpfilesdir": "/usr/lib/tmpfiles.d",
    "_udevrulesdir": "/usr/lib/udev/rules.d",
    "_unitdir": "/usr/lib/systemd/system",
    "journal_catalog_update": "",
    "sysusers_create_compat": "",
    "systemd_post": "",
    "systemd_preun": "",
    "systemd_postun_with_restart": "",
    "udev_rules_update": "",
}


def rpmbuild(tree, *words):
    definitions = [f"{name} {value or '%{nil}'}" for name, value in MACROS.items()]
    return run(
        "rpmbuild",
        f"--define=_topdir {tree}",
        *(f"--define={definition}" for definition in definitions),
        *words,
    )


def test_source_package_is_made_of_the_release_alone(tarball, tmp_path):
    rpmbuild(tmp_path, "--nodeps", "-ts", tarball)
    package = only(tmp_path, "SRPMS/netnsd-*.src.rpm")
    assert run("rpm", "--query", "--package", "--list", package).split() == [
        tarball.name,
        "netnsd.spec",
    ]


def test_rpmlint_finds_nothing(tarball, tmp_path):
    run("tar", "-C", tmp_path, "-xf", tarball, "--strip-components=1")
    said = run(
        "rpmlint", "--rpmlintrc", TOP / "packaging/netnsd.rpmlintrc",
        tmp_path / "packaging/netnsd.spec",
    )
    assert "0 errors, 0 warnings" in said, said


def test_spec_lists_what_is_installed(tarball, tmp_path):
    rpmbuild(tmp_path, "--nodeps", "-tb", tarball)
    only(tmp_path, "RPMS/*/netnsd-[0-9]*.rpm")
