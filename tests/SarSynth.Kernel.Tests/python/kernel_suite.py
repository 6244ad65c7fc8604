"""Debian's python3-jupyter-kernel-test, with a sample for every test that it has."""
import unittest

import jupyter_kernel_test


class KernelSuite(jupyter_kernel_test.KernelTests):
    kernel_name = ".net-csharp"
    language_name = "C#"
    file_extension = ".cs"
    code_hello_world = 'Console.WriteLine("hello, world");'
    code_stderr = 'Console.Error.WriteLine("oops");'
    completion_samples = [
        {"text": "Console.WriteL", "matches": {"WriteLine"}},
        {"text": '"a".Substr', "matches": {"Substring"}},
        {"text": "#!pyt", "matches": {"#!python"}},
    ]
    complete_code_samples = ["1+1", "var x = 1;", "for (int i = 0; i < 3; i++) { }", "#!bash\nls", "int F() => 3;"]
    incomplete_code_samples = ["for (int i = 0; i < 3; i++) {", "var x = new[] {", "/* a", "Console.WriteLine("]
    invalid_code_samples = ["int 3x = ;", "class A { }}"]
    code_page_something = "Console.WriteLine?"
    code_generate_error = 'throw new Exception("x");'
    code_execute_result = [
        {"code": "1+2", "result": "3"},
        {"code": '"abc"', "result": "abc"},
        {"code": "6*7", "result": "42"},
        {"code": "6*7", "result": "42"},
    ]
    code_display_data = [
        {"code": 'display(HTML("<b>b</b>"))', "mime": "text/html"},
        {"code": 'display(Image(Convert.FromBase64String("iVBORw0KGgo=")));', "mime": "image/png"},
    ]
    code_history_pattern = "6?7"
    supported_history_operations = ("tail", "range", "search")
    code_inspect_sample = "Console.WriteLine"
    code_clear_output = "clear_output();"


if __name__ == "__main__":
    unittest.main()
