using System.Runtime.InteropServices;

namespace McpRuntime.SampleServer;

/// <summary>Takes memory the runtime's own heap limit knows nothing of, and touches every page: only the kernel's limit can stop it.</summary>
internal static unsafe class MemoryHog
{
    private const int PageSize = 4096;

    public static int Hold(int megabytes)
    {
        var size = (nuint)megabytes * 1024 * 1024;
        var memory = (byte*)NativeMemory.Alloc(size);
        for (nuint offset = 0; offset < size; offset += PageSize)
        {
            memory[offset] = 1;
        }

        Console.WriteLine($"held {megabytes} MB");
        NativeMemory.Free(memory);
        return 0;
    }
}
