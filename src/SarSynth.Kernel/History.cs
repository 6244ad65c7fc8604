// The cells that ran, for the front end's history requests.
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using SarSynth.Kernel.Protocol;

namespace SarSynth.Kernel;

/// <summary>Inputs and results of this session.</summary>
internal sealed class History
{
    private const int SessionNumber = 1, Cells = 2000, OutputCharacters = 4000;
    private readonly Queue<(int Line, string Input, string? Output)> _entries = new();

    /// <summary>
    /// Adds a cell; the oldest are forgotten and long outputs cut, so that a kernel can be left running.
    /// </summary>
    internal void Add(int line, string input, string? output)
    {
        _entries.Enqueue((line, input, output is { Length: > OutputCharacters } ? output[..OutputCharacters] + "..."
            : output));
        if (_entries.Count > Cells)
            _entries.Dequeue();
    }

    /// <summary>Answers a history_request.</summary>
    internal JsonObject Answer(Message request)
    {
        var withOutput = request.Flag("output", false);
        var found = request.Text("hist_access_type", "tail") switch
        {
            "range" => Range(request),
            "search" => Search(request),
            _ => _entries.TakeLast(request.Number("n", 10)),
        };
        return new JsonObject
        {
            ["status"] = "ok",
            ["history"] = new JsonArray([.. found.Select(e => (JsonNode)new JsonArray(SessionNumber, e.Line,
                withOutput ? new JsonArray(e.Input, e.Output) : JsonValue.Create(e.Input)))]),
        };
    }

    private IEnumerable<(int Line, string Input, string? Output)> Range(Message request)
    {
        var session = request.Number("session", 0);
        int start = request.Number("start", 1), stop = request.Number("stop", int.MaxValue);
        return session is 0 or SessionNumber ? _entries.Where(e => e.Line >= start && e.Line < stop) : [];
    }

    private IEnumerable<(int Line, string Input, string? Output)> Search(Message request)
    {
        var pattern = Glob(request.Text("pattern", "*"));
        var found = _entries.Where(e =>
            Regex.IsMatch(e.Input, pattern, RegexOptions.Singleline, TimeSpan.FromSeconds(1)));
        if (request.Flag("unique", false))
            found = found.Reverse().DistinctBy(e => e.Input).Reverse();
        return request.Number("n", 0) is var n and > 0 ? found.TakeLast(n) : found;
    }

    // A glob as a regular expression: * and ? stand for anything, [abc], [a-z] and
    // [^abc] for one of, or none of, some characters.
    private static string Glob(string glob)
    {
        var pattern = new StringBuilder("^");
        for (var i = 0; i < glob.Length; i++)
        {
            var close = glob[i] == '[' ? glob.IndexOf(']', Math.Min(i + 2, glob.Length)) : -1;
            if (close > 0)
            {
                var not = glob[i + 1] is '^' or '!';
                var set = glob[(not ? i + 2 : i + 1)..close]
                    .Replace("\\", "\\\\").Replace("[", "\\[").Replace("]", "\\]").Replace("^", "\\^");
                pattern.Append(not ? "[^" : "[").Append(set).Append(']');
                i = close;
            }
            else
            {
                pattern.Append(glob[i] == '*' ? ".*" : glob[i] == '?' ? "." : Regex.Escape(glob[i].ToString()));
            }
        }
        return pattern.Append('$').ToString();
    }
}
