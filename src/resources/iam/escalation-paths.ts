/**
 * Ways to more rights than a policy names, as they are published (S. Gietzen, "AWS IAM Privilege Escalation", Rhino Security Labs, 2018; PMapper's edges; pathfinding.cloud),
 * and their like by AWS's own list of actions. Those of IAM and STS themselves are not here: a squad has no action of either but for what rules/actions.ts lets it have.
 */

/** By service: whoever may do one of these acts with the rights of a role, or of somebody, that is there already. */
const TAKEN_OVER: Readonly<Record<string, string>> = {
  airflow: "CreateCliToken CreateWebLoginToken InvokeRestApi UpdateEnvironment",
  amplify: "UpdateApp UpdateBranch",
  apprunner: "UpdateService",
  appstream: "CreateStreamingURL",
  athena: "CreatePresignedNotebookUrl StartCalculationExecution StartSession UpdateNotebook",
  autoscaling: "UpdateAutoScalingGroup",
  batch: "SubmitJob",
  "bedrock-agentcore": "InvokeAgentRuntimeCommand InvokeAgentRuntimeCommandShell InvokeCodeInterpreter StartBrowserSession",
  cloud9: "CreateEnvironmentMembership",
  cloudformation:
    "ContinueUpdateRollback CreateChangeSet CreateStackInstances ExecuteChangeSet ExecuteStackRefactor UpdateStack UpdateStackInstances UpdateStackSet",
  codebuild: "StartBuild StartBuildBatch StartCommandExecution StartSandbox StartSandboxConnection UpdateProject",
  codedeploy: "CreateDeployment",
  "cognito-identity": "GetOpenIdTokenForDeveloperIdentity SetIdentityPoolRoles UpdateIdentityPool",
  connect: "AdminGetEmergencyAccessToken GetFederationToken",
  datapipeline: "PutPipelineDefinition",
  datazone: "GetDomainExecutionRoleCredentials GetEnvironmentCredentials",
  deadline: "AssumeFleetRoleForWorker AssumeQueueRoleForRead AssumeQueueRoleForUser AssumeQueueRoleForWorker",
  ec2: "AttachVolume CreateLaunchTemplateVersion CreateReplaceRootVolumeTask GetPasswordData ModifyInstanceAttribute ModifyInstanceMetadataOptions ModifyLaunchTemplate ModifySpotFleetRequest",
  "ec2-instance-connect": "OpenTunnel SendSSHPublicKey SendSerialConsoleSSHPublicKey",
  ecs: "ExecuteCommand UpdateService",
  eks: "AssociateAccessPolicy AssociateIdentityProviderConfig CreateAccessEntry CreateAddon CreateCapability CreateNodegroup CreatePodIdentityAssociation MutateViaKubernetesApi UpdateAccessEntry UpdateAddon UpdateCapability UpdateClusterConfig UpdateNodegroupVersion UpdatePodIdentityAssociation",
  "eks-auth": "AssumeRoleForPodIdentity",
  elasticmapreduce: "AddJobFlowSteps GetClusterSessionCredentials StartSession",
  "emr-containers": "GetManagedEndpointSessionCredentials StartJobRun",
  events: "RetrieveConnectionCredentials",
  fis: "StartExperiment UpdateExperimentTemplate",
  gamelift: "GetComputeAccess GetInstanceAccess",
  glue: "CreateTrigger RunStatement StartJobRun UpdateDevEndpoint UpdateJob UpdateJobFromSourceControl UpdateTrigger",
  greengrass: "CreateDeployment",
  imagebuilder: "CreateImage UpdateImagePipeline",
  kinesisanalytics: "CreateApplicationPresignedUrl UpdateApplication",
  lambda: "CreateMicrovmShellAuthToken UpdateFunctionCode UpdateFunctionConfiguration",
  lightsail: "GetInstanceAccessDetails",
  pipes: "UpdatePipe",
  sagemaker:
    "CreateApp CreateNotebookInstanceLifecycleConfig CreatePresignedDomainUrl CreatePresignedNotebookInstanceUrl StartNotebookInstance StartPipelineExecution StartSession UpdateNotebookInstance UpdateNotebookInstanceLifecycleConfig UpdatePipeline",
  servicecatalog: "CreateProvisioningArtifact ProvisionProduct",
  ssm: "CreateAssociation CreateAssociationBatch GetAccessToken RegisterTaskWithMaintenanceWindow RequestManagedInstanceRoleToken ResumeSession SendCommand StartAssociationsOnce StartAutomationExecution StartChangeRequestExecution StartSession UpdateAssociation UpdateDocument UpdateDocumentDefaultVersion UpdateMaintenanceWindowTask UpdateManagedInstanceRole",
  states: "UpdateStateMachine",
  transfer: "ImportSshPublicKey UpdateUser",
  workmail: "AssumeImpersonationRole",
};

/** The same, as dynamodb:GetItem is written. */
export const TAKEOVERS: readonly string[] = Object.entries(TAKEN_OVER).flatMap(([service, names]) =>
  names.split(" ").map((name) => `${service}:${name}`),
);

/** What a role is passed to, by its principal without AWS's domain, where that is not the name of the service whose actions make use of it, or not the only one. */
const USERS: Readonly<Record<string, readonly string[]>> = {
  ec2: ["autoscaling", "batch", "ec2", "eks", "elasticbeanstalk", "elasticmapreduce", "imagebuilder"],
  "ecs-tasks": ["batch", "ecs"],
  vpc: ["ec2"],
};

/** Services by whose actions a role that is passed to the principal is used, as ecs-tasks.amazonaws.com or states.eu-west-1.amazonaws.com.cn. */
export function servicesThatUse(principal: string): readonly string[] {
  const name = principal
    .toLowerCase()
    .replace(/\.amazonaws\.com(\.cn)?$/, "")
    .replace(/\.[a-z]{2}(-[a-z]+)+-[0-9]$/, "");
  return USERS[name] ?? [name.slice(name.lastIndexOf(".") + 1)];
}

/** Of those, what ends something: nothing is started by it. */
export const ENDINGS = /^[a-z0-9-]+:(Cancel|Delete|Deregister|Disassociate|Remove|Stop|Terminate|Untag)/;

/** AWS's list calls these writes alone; by each others are let at what is there, or are shown something else under a name that is trusted. */
export const LETTING_IN: readonly string[] = [
  "appmesh:PutMeshPolicy",
  "codeartifact:PutDomainPermissionsPolicy",
  "es:UpdateDomainConfig",
  "events:UpdateEventBus",
  "kms:CreateAlias",
  "kms:TagResource",
  "kms:UntagResource",
  "kms:UpdateAlias",
  "lambda:CreateFunctionUrlConfig",
  "lambda:UpdateFunctionUrlConfig",
  "logs:PutDestinationPolicy",
  "logs:PutSubscriptionFilter",
  "oam:PutSinkPolicy",
  "ram:AssociateResourceShare",
  "ram:CreateResourceShare",
  "rds:ModifyDBClusterSnapshotAttribute",
  "rds:ModifyDBSnapshotAttribute",
  "s3:PutReplicationConfiguration",
  "secretsmanager:TagResource",
  "ssm:AddTagsToResource",
];

/** And whatever writes the policy of a resource. */
export const RESOURCE_POLICY = /^[a-z0-9-]+:Put(Resource|Cluster)Policy$/;
