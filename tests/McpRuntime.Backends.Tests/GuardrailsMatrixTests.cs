using System.Runtime.CompilerServices;
using System.Text;
using McpRuntime.Backends.CodeEngine;
using McpRuntime.Backends.Docker;
using McpRuntime.Backends.Kubernetes;
using McpRuntime.Core.Guardrails;

namespace McpRuntime.Backends.Tests;

/// <summary>The README's table of controls and backends is what the compilers say, so that it cannot say more than they do.</summary>
[TestFixture]
internal sealed class GuardrailsMatrixTests
{
    private const string Begin = "<!-- guardrails-matrix -->";
    private const string End = "<!-- /guardrails-matrix -->";

    /// <summary>Everything asked for at once, with nothing going out.</summary>
    private static readonly GuardrailsConfig Closed = new()
    {
        Network = new(EgressAllowed: false, IngressPorts: [8080]),
        Filesystem = new(ReadOnlyRoot: true, AllowedMounts: ["/data"]),
        Capabilities = new(DropAll: true, Add: ["NET_BIND_SERVICE"]),
        Resources = new("0.5", "512m", 100, 1, 2, 60),
        Seccomp = "runtime/default",
        Process = new(RunAsNonRoot: true, NoNewPrivileges: true),
        Images = new(RequireDigest: true),
    };

    [Test]
    public void The_readme_shows_what_the_compilers_say()
    {
        var readme = Path.Combine(Checkout(), "README.md");
        var text = File.ReadAllText(readme);
        var begin = text.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length;
        var end = text.IndexOf(End, StringComparison.Ordinal);
        var wanted = $"\n{Matrix()}";
        if (Environment.GetEnvironmentVariable("WRITE_README") == "1")
        {
            File.WriteAllText(readme, text[..begin] + wanted + text[end..]);
            return;
        }

        text[begin..end].Should().Be(wanted, "the table is generated: run this test with WRITE_README=1");
    }

    private static string Matrix()
    {
        var columns = new (string Name, Func<GuardrailsConfig, IReadOnlyList<ControlReport>> Report)[]
        {
            ("docker", asked => new DockerControls(new DockerOptions()).Report(asked, engine: null)),
            ("ibm_code_engine", asked => new CodeEngineControls(CodeEngineOptionsForTests()).Report(asked, source: null)),
            ("kubernetes", asked => new KubernetesControls(new KubernetesOptions()).Report(asked)),
            ("kubernetes, policies known to be enforced", asked => new KubernetesControls(new KubernetesOptions { NetworkPolicyEnforced = true }).Report(asked)),
        };
        var open = Closed with { Network = new(EgressAllowed: true, IngressPorts: [8080]) };
        var listed = Closed with { Network = new(EgressAllowed: true, AllowedHosts: ["api.example.com:443"], IngressPorts: [8080]) };
        var table = new StringBuilder($"| control, when asked for | {string.Join(" | ", columns.Select(column => column.Name))} |\n|---|{string.Concat(columns.Select(_ => "---|"))}\n");
        foreach (var control in Enum.GetValues<Control>())
        {
            Row(control.ToString(), control, control == Control.AllowedHosts ? listed : Closed);
            if (control is Control.HostPorts or Control.Metadata or Control.Dns)
            {
                Row($"{control}, egress open", control, open);
            }
        }

        return table.ToString();

        void Row(string title, Control control, GuardrailsConfig asked) =>
            table.Append($"| {title} | {string.Join(" | ", columns.Select(column => Cell(column.Report(asked).Single(report => report.Control == control))))} |\n");
    }

    private static string Cell(ControlReport report) => report.Outcome switch
    {
        ControlOutcome.Enforced => $"enforced: {report.Where}",
        ControlOutcome.Weakened => "**weakened**",
        ControlOutcome.Refused => "**refused**",
        ControlOutcome.NotAsked => "–",
        ControlOutcome.Unavailable => "unavailable",
    };

    private static CodeEngineOptions CodeEngineOptionsForTests() => new() { ApiKey = new("key"), Region = "eu-de", ProjectId = "00000000-0000-0000-0000-000000000000" };

    private static string Checkout([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", ".."));
}
