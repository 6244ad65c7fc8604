# The other end of "#!python": runs the code of JSON lines from stdin in one namespace and answers in JSON lines.
import ast, base64, io, json, math, os, sys, traceback

answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
os.dup2(2, 1)  # What C libraries print goes the way of stderr, not into the answers.
scope = {"__name__": "__main__"}


def answer(**message):
    answers.write(json.dumps(message) + "\n")
    answers.flush()


class Stream(io.TextIOBase):
    def __init__(self, name):
        self.stream = name

    def writable(self):
        return True

    def write(self, text):
        if text:
            answer(stream=self.stream, text=text)
        return len(text)


def show(value):
    bundle = {"text/plain": repr(value)}
    for mime, method in (("text/html", "_repr_html_"), ("image/svg+xml", "_repr_svg_"), ("image/png", "_repr_png_")):
        represent = getattr(value, method, None)
        content = represent() if callable(represent) and not isinstance(value, type) else None
        if content is not None:
            bundle[mime] = base64.b64encode(content).decode() if isinstance(content, bytes) else content
    answer(display=bundle)


def show_figures():
    pyplot = sys.modules.get("matplotlib.pyplot")
    for number in pyplot.get_fignums() if pyplot else ():
        image = io.BytesIO()
        pyplot.figure(number).savefig(image, format="png", bbox_inches="tight")
        answer(display={"image/png": base64.b64encode(image.getvalue()).decode(), "text/plain": "<figure>"})
    if pyplot:
        pyplot.close("all")


def run(code, name):
    tree = ast.parse(code, name)
    last = ast.Expression(tree.body.pop().value) if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, name, "exec"), scope)
    if last is not None:
        value = eval(compile(last, name, "eval"), scope)
        if value is not None:
            show(value)
    show_figures()


# JSON has neither NaN nor infinities: between the languages they are {"$float": "NaN"}.
def pack(value):
    if isinstance(value, (str, bool, int)) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$float": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}
    if isinstance(value, dict):
        return {str(k): pack(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, range)):
        return [pack(v) for v in value]
    if hasattr(value, "tolist"):  # NumPy's arrays and scalars, pandas' series.
        return pack(value.tolist())
    if hasattr(value, "to_dict"):  # pandas' frames: a list of rows.
        return pack(value.to_dict(orient="records"))
    raise TypeError(f"a value of type {type(value).__name__} cannot be shared: it has no JSON")


def unpack(value):
    if isinstance(value, dict):
        return float(value["$float"]) if value.keys() == {"$float"} else {k: unpack(v) for k, v in value.items()}
    return [unpack(v) for v in value] if isinstance(value, list) else value


def handle(request):
    if "set" in request:
        scope[request["set"]] = unpack(request["value"])
        answer(done=True)
    elif "get" in request:
        if request["get"] not in scope:
            raise NameError(f"name '{request['get']}' is not defined")
        answer(done=True, value=pack(scope[request["get"]]))
    else:
        run(request["code"], request["name"])
        answer(done=True)


sys.stdout, sys.stderr = Stream("stdout"), Stream("stderr")
os.environ.setdefault("MPLBACKEND", "Agg")
answer(ready=True)
while True:
    try:
        line = sys.stdin.readline()
    except KeyboardInterrupt:
        continue
    if not line:
        break
    request = json.loads(line)
    try:
        handle(request)
    except SystemExit:
        answer(done=True)
    except BaseException as error:
        error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
        answer(done=True, ename=type(error).__name__, evalue=str(error), traceback=traceback.format_exc().splitlines())
