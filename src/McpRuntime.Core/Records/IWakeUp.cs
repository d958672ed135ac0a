namespace McpRuntime.Core.Records;

/// <summary>"Look again": carries no content, may be called any number of times from anywhere, and may be lost.</summary>
public interface IWakeUp
{
    void Wake(string recordId);
}
