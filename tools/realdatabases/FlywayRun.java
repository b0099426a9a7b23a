// Runs Flyway's own commands: -- ACTION KEY=VALUE ... -- ACTION KEY=VALUE ...; one line to stdout for each.
import java.util.HashMap;
import java.util.Map;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;

public class FlywayRun {
    public static void main(String[] arguments) {
        int at = 0;
        while (at < arguments.length) {
            String action = arguments[++at];
            Map<String, String> settings = new HashMap<>();
            for (at++; at < arguments.length && !arguments[at].equals("--"); at++) {
                int equals = arguments[at].indexOf('=');
                settings.put(arguments[at].substring(0, equals), arguments[at].substring(equals + 1));
            }
            System.out.println("step: " + run(action, settings));
        }
    }

    private static String run(String action, Map<String, String> settings) {
        Flyway flyway = Flyway.configure().configuration(settings).load();
        try {
            switch (action) {
                case "migrate" -> flyway.migrate();
                case "baseline" -> flyway.baseline();
                case "repair" -> flyway.repair();
                default -> throw new IllegalArgumentException(action);
            }
            return "ok";
        } catch (FlywayException error) {
            return "failed " + String.valueOf(error.getMessage()).replace('\n', ' ');
        }
    }
}
