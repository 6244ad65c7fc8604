// Twenty typical mistakes end in exceptions that name the matter, none in the end of the process.
using System.Diagnostics;
using System.Reflection;
using System.Text.Json;

namespace SarSynth.Diffusion.Tests;

internal static class Program
{
    /// <summary>
    /// The children's door: trains, or tries every mistake and prints one line of JSON for each, [name, type, message].
    /// </summary>
    private static int Main(string[] arguments)
    {
        if (arguments is ["train", var folder, .. var kill])
            return Training.KilledTraining.Run(folder, kill is [var words] ? Training.Kill.Parse(words) : null);
        if (arguments is ["ranks", var ranked, var steps, var what])
            return Training.RankedTraining.Run(ranked, int.Parse(steps), what);
        if (arguments is ["estimate", var strategy, var batch, var side])
            return Training.EstimatedTraining.Run(strategy, long.Parse(batch), long.Parse(side));
        if (arguments is not ["mistakes"])
            return 2;
        foreach (var mistake in Mistakes.All)
        {
            Exception? thrown = null;
            try
            {
                mistake.Invoke(null, null);
            }
            catch (TargetInvocationException e)
            {
                thrown = e.InnerException;
            }
            Console.WriteLine(JsonSerializer.Serialize(new[] { mistake.Name, thrown?.GetType().Name ?? "",
                thrown?.Message ?? "" }));
        }
        return 0;
    }
}

/// <summary>What the child said.</summary>
public sealed class TriedMistakes
{
    public TriedMistakes()
    {
        var start = new ProcessStartInfo("dotnet",
            ["exec", typeof(Program).Assembly.Location, "mistakes"]) { RedirectStandardOutput = true,
            RedirectStandardError = true };
        using var child = Process.Start(start)!;
        var errors = child.StandardError.ReadToEndAsync();
        foreach (var line in child.StandardOutput.ReadToEnd().Split('\n').Where(l => l.StartsWith('[')))
        {
            var said = JsonSerializer.Deserialize<string[]>(line)!;
            Said[said[0]] = (said[1], said[2]);
        }
        child.WaitForExit();
        (ExitCode, Errors) = (child.ExitCode, errors.Result);
    }

    public Dictionary<string, (string Type, string Message)> Said { get; } = [];

    public int ExitCode { get; }

    public string Errors { get; }
}

public class MistakeTests(TriedMistakes tried) : IClassFixture<TriedMistakes>
{
    public static TheoryData<string> Names => [.. Mistakes.All.Select(m => m.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void EndsInAnExceptionThatNamesTheMatter(string mistake)
    {
        var words = Mistakes.All.Single(m => m.Name == mistake).GetCustomAttribute<Mistakes.NamesAttribute>()!.Words;
        Assert.True(tried.Said.TryGetValue(mistake, out var said),
            $"the process ended before: exit code {tried.ExitCode}, {tried.Errors}");
        Assert.NotEqual("", said.Type);
        Assert.Contains(words, said.Message);
    }

    [Fact]
    public void TheProcessEndsByItself() => Assert.Equal(0, tried.ExitCode);
}
