"""Who is let in, and what the page asks for."""

from .browser import Page


def wrong_token(shared):
    problems = []
    wrong = f"{shared.server.origin}/?token={'0' * 32}"
    page = Page(shared.browser, wrong, shared.pictures, wait=False)
    if page.response.status not in (401, 403):
        problems.append(f"status {page.response.status}")
    text = page.page.locator("body").inner_text()
    if "laion-fmri browse" not in text and "token" not in text:
        problems.append(f"the page says {text!r}")
    page.picture("wrong-token")
    page.context.close()
    # A page whose cookie is gone says what to do.
    page = shared.open()
    page.context.clear_cookies()
    page.page.click("#trial-1")
    page.page.wait_for_selector("#messages .error")
    page.picture("cookie-gone")
    page.context.close()
    return problems


def quiet(shared):
    hosts = {
        request.url.split("/")[2]
        for request in shared.main.requests
        if not request.url.startswith(("data:", "blob:"))
    }
    problems = [] if hosts == {shared.server.origin.split("/")[2]} else [f"requests to {hosts}"]
    weight = sum(
        int(request.response().header_value("content-length") or 0)
        for request in shared.main.requests
        if request.url.startswith(f"{shared.server.origin}/assets/")
    )
    print(f"page: {weight / 1e6:.2f} MB, compressed (at most 4)")
    if not 0 < weight <= 4e6:
        problems.append(f"the page has {weight} bytes")
    script = next(
        request for request in shared.main.requests if request.url.endswith("/assets/page.js")
    )
    if script.response().header_value("content-encoding") != "gzip":
        problems.append("the script is not sent compressed")
    return problems + shared.main.complaints
