/** containerd attaches containers by `ctr run --cni`. */
import { Containerd } from "./containerd.ts";
import { exam } from "./exam.ts";

exam(new Containerd(), "a chain of plugins");
exam(new Containerd(), "one plugin");
