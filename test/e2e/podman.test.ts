/** Podman attaches containers by its CNI backend. */
import { exam } from "./exam.ts";
import { Podman } from "./podman.ts";

exam(new Podman(), "a chain of plugins");
exam(new Podman(), "one plugin");
