// One result for each of many inputs: which files, what is done already, and going on after a bad one.
using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using SarSynth.Data;
using SarSynth.Radar.Formats;

namespace SarSynth.Cli;

/// <summary>One input and the result that is made of it.</summary>
internal sealed record Job(string Input, string Output);

/// <summary>What became of a job.</summary>
/// <param name="Made">False where it was done already.</param>
/// <param name="Told">What --json tells of it besides, by its properties; null for nothing.</param>
internal sealed record Outcome(bool Made, object? Told = null)
{
    /// <summary>What is there now, a line each; null for the job's output.</summary>
    public IReadOnlyList<string>? Files { get; init; }

    public static implicit operator Outcome(bool made) => new(made);
}

/// <summary>Runs a step over inputs.</summary>
static class Batch
{
    // What a folder is searched for; pictures are rasters too, but mostly quick-looks: they must be named.
    private static readonly string[] rasterExtensions =
        [".tif", ".tiff", ".ntf", ".nitf", ".nsf", ".h5", ".hdf5", ".npy", ".img", ".vrt", ".zip"];

    /// <summary>Results for inputs: a file for one input, a folder for several.</summary>
    /// <param name="inputs">Files, product folders, or folders that hold these.</param>
    /// <param name="output">A file with the extension, or a folder, which need not be there.</param>
    /// <param name="extension">Of the results, as ".tif".</param>
    /// <exception cref="ArgumentException">Several inputs for one file, or two for one result.</exception>
    /// <exception cref="FileNotFoundException">An input is not there, or a folder holds no raster.</exception>
    public static IReadOnlyList<Job> Plan(IReadOnlyList<string> inputs, string output, string extension)
    {
        var isFile = Has(output, extension) && !Directory.Exists(output);
        var found = Path.GetExtension(output);
        // A folder may have dots in its name, but "x.png" where a GeoTIFF is made is a mistake.
        if (!isFile && !Directory.Exists(output) && !output.EndsWith('/')
            && (found.ToLowerInvariant() is ".png" or ".tif" or ".tiff" or ".jpg"
            || (found.Length == 0 && inputs.Count == 1 && !IsPlainFolder(inputs[0]))))
        {
            throw new ArgumentException($"--out {output}: found '{found}', expected {Expected(extension)}, or a folder "
                + $"(end its name with '/'). Give --out {Path.ChangeExtension(output, extension)}.");
        }
        List<string> all = [.. inputs.SelectMany(Expanded)];
        if (isFile && all.Count > 1)
            throw new ArgumentException($"--out {output}: found one file for {all.Count} inputs, expected a folder.");
        List<Job> jobs = [.. all.Select(input =>
            new Job(input, isFile ? output : Path.Combine(output, NameOf(input) + extension)))];
        foreach (var job in jobs)
        {
            if (Path.GetFullPath(job.Input) == Path.GetFullPath(job.Output))
            {
                throw new ArgumentException($"--out {output}: would overwrite the input {job.Input}. "
                    + "Give another name or folder.");
            }
        }
        if (jobs.GroupBy(job => job.Output).FirstOrDefault(same => same.Count() > 1) is { } twice)
        {
            var both = string.Join(" and ", twice.Take(2).Select(job => job.Input));
            throw new ArgumentException($"--out {output}: {both} would both become {twice.Key}.");
        }
        return jobs;
    }

    /// <summary>Makes the results, goes on after a bad input, and tells at the end which were bad.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="doing">What is done, as "despeckling": for progress.</param>
    /// <param name="jobs">The jobs.</param>
    /// <param name="make">Makes one.</param>
    /// <param name="cancel">Ends between two inputs.</param>
    /// <returns>The exit code.</returns>
    public static int Run(
        ParseResult parsed, string doing, IReadOnlyList<Job> jobs, Func<Job, Outcome> make,
        CancellationToken cancel = default)
    {
        var (bad, done) = (new List<string>(), new List<object>());
        foreach (var job in Progress.Over(doing, jobs, job => Path.GetFileName(job.Input.TrimEnd('/'))))
        {
            cancel.ThrowIfCancellationRequested();
            try
            {
                var made = InFolder(job, make);
                if (!made.Made)
                    Terminal.Remark($"{job.Output}: done already, of the same input by the same recipe");
                done.Add(Told(job, made));
                if (!parsed.GetValue(CommonOptions.Json))
                    (made.Files ?? [job.Output]).ToList().ForEach(Terminal.Line);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                bad.Add(job.Input);
                var line = Failures.Line(e, parsed);
                Terminal.Error(line.Contains(job.Input) || line.Contains(job.Output) ? line : $"{job.Input}: {line}");
                if (jobs.Count == 1)
                    return Failures.BadInput;
            }
        }
        if (parsed.GetValue(CommonOptions.Json))
            Terminal.Line(KitJson.Serialize(new { Results = done, Failed = bad }));
        if (bad.Count > 0)
            Terminal.Error($"{bad.Count} of {jobs.Count} failed: {string.Join(", ", bad)}");
        return bad.Count > 0 ? Failures.BadInput : 0;
    }

    /// <summary>What --json tells of a job.</summary>
    public static JsonNode Told(Job job, Outcome outcome)
    {
        var told = JsonSerializer.SerializeToNode(new { job.Input, job.Output, outcome.Made }, KitJson.Options)!;
        var more = outcome.Told is { } facts ? JsonSerializer.SerializeToNode(facts, facts.GetType(),
            KitJson.Options)!.AsObject() : [];
        foreach (var (name, value) in more)
            told[name] = value?.DeepClone();
        return told;
    }

    // The result's folder is made for it, and goes again where there is no result.
    private static Outcome InFolder(Job job, Func<Job, Outcome> make)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(job.Output))!;
        var isNew = !Directory.Exists(folder);
        Directory.CreateDirectory(folder);
        try
        {
            return make(job);
        }
        catch when (isNew && !Directory.EnumerateFileSystemEntries(folder).Any())
        {
            Directory.Delete(folder);
            throw;
        }
    }

    /// <summary>Makes one raster of another with its provenance beside it, unless it is done.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="job">The job.</param>
    /// <param name="step">The step's name in the provenance.</param>
    /// <param name="options">How the input is read.</param>
    /// <param name="recipe">The recipe for the opened input; an object whose members tell all that counts.</param>
    /// <param name="make">Writes the result, and gives what it found out for the provenance, or null.</param>
    public static bool Make(ParseResult parsed, Job job, string step, RasterOptions options,
        Func<SarRaster, object> recipe, Func<SarRaster, Action<double>, object?> make)
    {
        using var raster = RasterInput.Open(job.Input, options);
        var (what, files) = (recipe(raster), Finished.FilesOf(job.Input));
        if (Finished.IsDone(job.Output, step, what, files, parsed.GetValue(CommonOptions.Force)))
            return false;
        object? found;
        using (var progress = Progress.Begin(step))
        {
            found = make(raster, share => progress.At(share));
            progress.At(1);
        }
        var node = JsonSerializer.SerializeToNode(what, what.GetType(), KitJson.Options)!;
        if (found is not null)
            node[Finished.Found] = JsonSerializer.SerializeToNode(found, found.GetType(), KitJson.Options);
        Provenance.Of(step, node, 0, files, [job.Output]).Write(Finished.ProvenanceOf(job.Output));
        return true;
    }

    /// <summary>The options as they were used: with the channel that was taken.</summary>
    public static RasterOptions Used(RasterOptions options, SarRaster raster) =>
        options with { Channel = raster.Channel.Length > 0 ? raster.Channel : options.Channel };

    private static IEnumerable<string> Expanded(string input)
    {
        Names.ExistingPath(input);
        if (!IsPlainFolder(input))
            return [input];
        List<string> found = [.. Directory.EnumerateFileSystemEntries(input).Where(entry =>
            SarRaster.IsProductFolder(entry) || rasterExtensions.Any(extension => Has(entry, extension)))
            .Order(StringComparer.Ordinal)];
        return found.Count > 0 ? found
            : throw new FileNotFoundException($"{input}: holds no product and no file that ends with "
                + string.Join(", ", rasterExtensions), input);
    }

    private static bool IsPlainFolder(string path) => Directory.Exists(path) && !SarRaster.IsProductFolder(path);

    private static string NameOf(string input) => Path.GetFileNameWithoutExtension(input.TrimEnd('/'));

    private static bool Has(string path, string extension) =>
        path.EndsWith(extension, StringComparison.OrdinalIgnoreCase)
        || (extension == ".tif" && path.EndsWith(".tiff", StringComparison.OrdinalIgnoreCase));

    private static string Expected(string extension) => extension == ".tif" ? ".tif or .tiff" : extension;
}
