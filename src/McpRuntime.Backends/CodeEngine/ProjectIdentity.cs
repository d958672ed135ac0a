using McpRuntime.Backends.CodeEngine.Wire;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.CodeEngine;

/// <summary>Which project answers. Another one behind the same settings is Unknown, not empty; one that is not active can't be worked with.</summary>
internal sealed class ProjectIdentity(CodeEngineWire wire, CodeEngineInstallation installation, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan Fresh = TimeSpan.FromMinutes(5);

    private readonly SemaphoreSlim _one = new(1);
    private Verified? _last;

    public void Dispose() => _one.Dispose();

    /// <exception cref="BackendFault">The project is away, not active, or another one.</exception>
    public async Task<Project> VerifyAsync(CancellationToken ct)
    {
        if (Known is { } known)
        {
            return known;
        }

        await _one.WaitAsync(ct);
        try
        {
            return Known ?? await AskAsync(ct);
        }
        finally
        {
            _ = _one.Release();
        }
    }

    /// <summary>Without what was known: for whoever asks how it is now.</summary>
    public async Task<Project> AskAsync(CancellationToken ct)
    {
        _last = null;
        var project = await wire.ProjectAsync(ct);
        var identity = $"{project.Region}/{project.Id}";
        var pinned = await installation.PinIdentity(identity, ct);
        if (pinned != identity)
        {
            throw new BackendFault(new Fault(
                FaultKind.Transient, "ProjectChanged", $"The settings lead to project {identity}, and this installation works with {pinned}. Nothing is touched; point it back, or use a new database."));
        }

        if (project.Status != "active")
        {
            throw new BackendFault(new Fault(FaultKind.Transient, "ProjectNotActive", $"The project {project.Name} is {project.Status}: only an active one can be worked with. Restore it in the IBM Cloud console, or name another (RUNTIME_IBM_CODE_ENGINE_PROJECT_ID)."));
        }

        _last = new Verified(project, time.GetTimestamp());
        return project;
    }

    private Project? Known => _last is { } last && time.GetElapsedTime(last.At) < Fresh ? last.Project : null;

    private sealed record Verified(Project Project, long At);
}
