// sarsynth-kernel: started by Jupyter with a connection file, or by a person to install and uninstall the kernel.
using System.Runtime.InteropServices;
using SarSynth.Kernel;
using SarSynth.Kernel.Protocol;

const string Help = """
    sarsynth-kernel: a C# kernel for Jupyter

      sarsynth-kernel install   [--user | --prefix DIR]   register the kernel '.net-csharp' with Jupyter
      sarsynth-kernel uninstall [--user | --prefix DIR]   remove it again
      sarsynth-kernel --connection-file FILE              serve a front end (Jupyter calls this)
      sarsynth-kernel --version | --help

    --user (the default) is Jupyter's data folder of this user; --prefix DIR is DIR/share/jupyter.
    """;

try
{
    switch (args)
    {
        case ["install" or "uninstall", ..]:
            return Register(args[0], args[1..]);
        case ["--connection-file" or "-f", var path]:
            return Serve(path);
        case ["--version"]:
            Console.WriteLine(KernelSpec.Version);
            return 0;
        case ["--help" or "-h" or "help"]:
            Console.WriteLine(Help);
            return 0;
        default:
            Console.Error.WriteLine(args.Length == 0 ? Help
                : $"sarsynth-kernel: unknown arguments '{string.Join(' ', args)}'; try --help");
            return 2;
    }
}
catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException
    or DllNotFoundException)
{
    Console.Error.WriteLine($"sarsynth-kernel: {e.Message}");
    return 2;
}

static int Register(string verb, string[] rest)
{
    string data;
    switch (rest)
    {
        case [] or ["--user"]:
            data = KernelSpec.UserData();
            break;
        case ["--prefix", var prefix]:
            data = Path.Combine(Path.GetFullPath(prefix), "share", "jupyter");
            break;
        default:
            Console.Error.WriteLine($"sarsynth-kernel {verb}: "
                + $"unknown arguments '{string.Join(' ', rest)}'; expected --user or --prefix DIR");
            return 2;
    }
    if (verb == "install")
        Console.WriteLine($"installed {KernelSpec.Install(data)}");
    else
        Console.WriteLine(KernelSpec.Uninstall(data) is { } folder ? $"removed {folder}"
            : $"nothing to remove below {data}");
    return 0;
}

static int Serve(string path)
{
    var file = ConnectionFile.Read(path);
    using var stderr = Console.OpenStandardError();
    Log.Target = stderr;
    if (file.Weakness() is { } weakness)
        Log.Write($"warning: {weakness}");
    using var kernel = new KernelServer(file);
    using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, c =>
    {
        c.Cancel = true;
        kernel.Interrupt();
    });
    using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, c =>
    {
        c.Cancel = true;
        kernel.Stop();
    });
    var code = kernel.Run();
    Environment.Exit(code); // Threads of abandoned cells must not keep the process.
    return code;
}
