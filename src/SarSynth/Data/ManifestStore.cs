// Where the files of manifests lie, whether they are the right ones, and how missing ones are fetched.
using System.Security.Cryptography;

namespace SarSynth.Data;

/// <summary>How a file on this machine compares with its manifest.</summary>
public enum ManifestFileState
{
    /// <summary>It is not there.</summary>
    Missing,

    /// <summary>It has another length.</summary>
    WrongSize,

    /// <summary>It has the length, and another content.</summary>
    WrongChecksum,

    /// <summary>Length and checksum are the manifest's.</summary>
    Good,
}

/// <summary>Finds, checks and fetches the files of manifests.</summary>
/// <param name="checkout">Root of the kit: files without addresses are relative to it.</param>
/// <param name="dataFolder">
/// Where downloads go, a folder for each manifest; null: SARSYNTH_DATA, or artifacts/data in the checkout.
/// </param>
public sealed class ManifestStore(string checkout, string? dataFolder = null)
{
    private readonly string data = Path.GetFullPath(dataFolder
        ?? Environment.GetEnvironmentVariable("SARSYNTH_DATA")
        ?? Path.Combine(checkout, "artifacts", "data"));

    /// <summary>Reads a manifest of the kit.</summary>
    /// <param name="name">Its name.</param>
    /// <exception cref="ManifestException">There is none of this name, or it is wrong.</exception>
    public Manifest Manifest(string name)
    {
        var folder = Path.Combine(checkout, "data-manifests");
        var path = Path.Combine(folder, name + ".json");
        if (File.Exists(path))
            return Data.Manifest.Load(path);
        var known = Directory.Exists(folder) ? string.Join(", ", Data.Manifest.LoadAll(folder).Select(m => m.Name))
            : "none";
        throw new ManifestException($"{path}: there is no manifest '{name}'; known are: {known}.");
    }

    /// <summary>Where a file of a manifest lies, or will lie, on this machine.</summary>
    /// <param name="manifest">The manifest.</param>
    /// <param name="file">One of its files.</param>
    public string PathOf(Manifest manifest, ManifestFile file) => file.Urls.Count > 0
        ? Path.Combine(data, manifest.Name, file.Path)
        : Path.GetFullPath(Path.Combine(checkout, file.Path));

    /// <summary>Compares a file with its manifest; reads all of it.</summary>
    /// <param name="manifest">The manifest.</param>
    /// <param name="file">One of its files.</param>
    public ManifestFileState Check(Manifest manifest, ManifestFile file)
    {
        var info = new FileInfo(PathOf(manifest, file));
        if (!info.Exists)
            return ManifestFileState.Missing;
        if (info.Length != file.Size)
            return ManifestFileState.WrongSize;
        return Sha256(info.FullName) == file.Sha256 ? ManifestFileState.Good : ManifestFileState.WrongChecksum;
    }

    /// <summary>The paths of a manifest's files, after every one was checked.</summary>
    /// <param name="manifest">The manifest.</param>
    /// <exception cref="ManifestException">
    /// A file is missing or is another one; the message says which, and what to do.
    /// </exception>
    public IReadOnlyList<string> Require(Manifest manifest) => [.. manifest.Files.Select(file =>
    {
        var path = PathOf(manifest, file);
        var mend = file.Urls.Count > 0 ? $"fetch '{manifest.Name}' again"
            : manifest.Recipe is { } recipe ? $"make it again with '{recipe.Command}'"
                : "restore it from the repository";
        return Check(manifest, file) switch
        {
            ManifestFileState.Good => path,
            ManifestFileState.Missing =>
                throw new ManifestException($"{path}: not there, but manifest '{manifest.Name}' lists it; {mend}."),
            ManifestFileState.WrongSize => throw new ManifestException(
                $"{path}: found {FileFingerprint.LengthOf(path)} bytes, expected {file.Size} (manifest "
                    + $"'{manifest.Name}'); {mend}."),
            _ => throw new ManifestException($"{path}: found SHA-256 {Sha256(path)}, expected {file.Sha256} (manifest "
                + $"'{manifest.Name}'); {mend}."),
        };
    })];

    /// <summary>Downloads what is missing or wrong among the files that have addresses, then checks all.</summary>
    /// <param name="manifest">The manifest.</param>
    /// <param name="downloader">Who downloads; null: one with the usual patience.</param>
    /// <param name="progress">Told of every block that arrives.</param>
    /// <param name="cancellation">Ends it; what has arrived is kept, and the next call goes on from there.</param>
    /// <returns>The paths of the files.</returns>
    /// <exception cref="ManifestException">
    /// A file cannot be had, or is not the one that the manifest describes.
    /// </exception>
    public async Task<IReadOnlyList<string>> FetchAsync(Manifest manifest, Downloader? downloader = null,
        IProgress<DownloadProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        downloader ??= new Downloader();
        foreach (var file in manifest.Files)
        {
            if (file.Urls.Count > 0 && Check(manifest, file) != ManifestFileState.Good)
                await downloader.FetchAsync(file, PathOf(manifest, file), progress, cancellation).ConfigureAwait(false);
        }
        return Require(manifest);
    }

    internal static string Sha256(string path)
    {
        using var stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
