"""What axe-core finds, in each state of the page, light and dark."""

from .truth import SESSION, SUBJECT


def accessibility(shared):
    problems = []
    for scheme in ("light", "dark"):
        page = shared.open(
            f"#/{SUBJECT}/{SESSION}/3?show=beta&voxel=8,9,6&roi=FFA1&filter=colour:red"
            "&layout=surface",
            color_scheme=scheme,
        )
        page.page.wait_for_selector("#surface-frame[data-drawn]", timeout=60_000)
        page.page.wait_for_selector("#stimulus .name")
        page.page.wait_for_selector("#voxel .responses > *")
        page.page.wait_for_timeout(500)
        for state, opens in (
            ("open", None),
            ("save menu", "#save-menu summary"),
            ("about", "#show-about"),
            ("keys", "#show-keys"),
        ):
            if opens:
                page.page.click(opens)
            page.page.evaluate(shared.axe)
            found = page.page.evaluate("() => axe.run().then((result) => result.violations)")
            for violation in found:
                targets = [node["target"] for node in violation["nodes"]][:4]
                problems.append(
                    f"{scheme}, {state}: {violation['id']}: {violation['help']} {targets}"
                )
            page.picture(f"{scheme}-{state.replace(' ', '-')}")
            page.page.keyboard.press("Escape")
        page.context.close()
    return problems
